import { SharedArray } from 'k6/data';

import { settings } from './settings.js';

// One copy for all users of the run; made once, before the first of them starts.
export const customers = new SharedArray('customers', () =>
    open(settings.customersFile)
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line)),
);

if (customers.length < settings.users) {
    throw new Error(`${settings.users} users need as many customers, not ${customers.length}`);
}

// User n is customer n for the whole run; no two users share one.
export function customerOf(userId) {
    return customers[userId - 1];
}
