// One customer at the shop: buys with a key of its own, asks again with the same key, pays.

import { sleep } from 'k6';
import exec from 'k6/execution';
import http from 'k6/http';

import { countServerError, counters, payLatency, settle } from './outcomes.js';
import { settings } from './settings.js';

const ATTEMPTS_MAX = 6;
const FIRST_PAUSE_S = 0.05;
const PAUSE_S_MAX = 1;
const PAYMENT_ATTEMPTS_MAX = 20;
const PAYMENT_PAUSE_S = 0.1;
const REQUEST_TIMEOUT = '15s';

const BUY_URL = `${settings.baseUrl}/api/v1/flash-sales/${settings.sale}/orders`;
const BUY_BODY = JSON.stringify({ quantity: 1 });
const PAY_BODY = JSON.stringify({ payment_method: 'sandbox:approve' });

// Being refused is an outcome, not a failure.
const BUY_STATUSES = http.expectedStatuses(200, 201, 409, 429);
const PAY_STATUSES = http.expectedStatuses(200, 202, 429);

function request(customer, name, responseCallback, key) {
    const headers = {
        Authorization: `Bearer ${customer.token}`,
        'Content-Type': 'application/json',
    };
    if (key) headers['Idempotency-Key'] = key;
    return { headers, responseCallback, timeout: REQUEST_TIMEOUT, tags: { name } };
}

// All answers to one key: at most one of them is a new order, and every order is the same one. No
// refusal is compared with an order: what was refused "now" may be bought by a retry.
class Attempts {
    constructor(customer, key) {
        this.parameters = request(customer, 'POST /flash-sales/:id/orders', BUY_STATUSES, key);
        this.order = null;
        this.newOrders = 0;
    }

    click() {
        return this.note(settle(http.post(BUY_URL, BUY_BODY, this.parameters)));
    }

    // Both requests are under way at once, on two connections.
    doubleClick() {
        counters.doubleClicks.add(1);
        const one = ['POST', BUY_URL, BUY_BODY, this.parameters];
        const seen = http.batch([one, one]).map((response) => this.note(settle(response)));
        return seen.find((each) => each.order) || seen.find((each) => each.isUnsettled) || seen[0];
    }

    again() {
        counters.retries.add(1);
        return this.click();
    }

    note(answer) {
        if (!answer.order) return answer;
        if (answer.kind === 'bought') this.newOrders += 1;
        const isOther = this.order !== null && this.order !== answer.order;
        if (!settings.isCeiling && (isOther || this.newOrders > 1)) counters.contradictions.add(1);
        this.order = answer.order;
        return answer;
    }
}

function pause(attempt) {
    const seconds = Math.min(PAUSE_S_MAX, FIRST_PAUSE_S * 2 ** attempt);
    sleep(seconds * (0.5 + Math.random() / 2));
}

// One per click of a user, never the same in two runs.
export function newKey() {
    return `${settings.runId}-${exec.vu.idInTest}-${exec.vu.iterationInScenario}`;
}

// The order's id, or null.
export function buy(customer, key) {
    const attempts = new Attempts(customer, key);
    const isDouble = Math.random() < settings.doubleClickShare;
    let answer = isDouble ? attempts.doubleClick() : attempts.click();
    for (let attempt = 1; answer.isUnsettled && attempt < ATTEMPTS_MAX; attempt += 1) {
        pause(attempt - 1);
        answer = attempts.again();
    }
    if (answer.isUnsettled) counters.unknown.add(1);
    if (answer.order) {
        counters.purchases.add(1);
        if (Math.random() < settings.retryShare) mustReplay(attempts);
    }
    return answer.order;
}

// As a customer whose answer was lost on the way: the shop tells of the order it has.
function mustReplay(attempts) {
    const answer = attempts.again();
    const isRefused = !answer.order && !answer.isUnsettled;
    if (isRefused && !settings.isCeiling) counters.contradictions.add(1);
}

export function pay(customer, order) {
    const url = `${settings.baseUrl}/api/v1/orders/${order}/pay`;
    const parameters = request(customer, 'POST /orders/:id/pay', PAY_STATUSES);
    for (let attempt = 0; attempt < PAYMENT_ATTEMPTS_MAX; attempt += 1) {
        const response = http.post(url, PAY_BODY, parameters);
        countServerError(response);
        if (response.status === 200) {
            payLatency.add(response.timings.duration);
            counters.paid.add(1);
            return;
        }
        sleep(PAYMENT_PAUSE_S);
    }
    counters.unpaid.add(1);
}
