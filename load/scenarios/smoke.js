// A few users for a few clicks: is everything in its place? Every request is checked.

import { check } from 'k6';
import exec from 'k6/execution';
import http from 'k6/http';
import { Gauge } from 'k6/metrics';

import { buy, newKey, pay } from './lib/buyer.js';
import { customerOf } from './lib/customers.js';
import { clocks, countNothingYet } from './lib/outcomes.js';
import { settings } from './lib/settings.js';

export { handleSummary } from './lib/summary.js';

const USERS = 5;
const CLICKS = 10;

const began = new Gauge('began_at_ms');

export const options = {
    scenarios: {
        smoke: {
            executor: 'per-vu-iterations',
            vus: USERS,
            iterations: CLICKS,
            maxDuration: '60s',
        },
    },
    thresholds: {
        checks: ['rate==1'],
        contradictions: ['count==0'],
        dropped_iterations: ['count==0'],
        http_req_failed: ['rate==0'],
        server_errors: ['count==0'],
        unknown_outcomes: ['count==0'],
        answers_other: ['count==0'],
    },
    summaryTrendStats: ['min', 'avg', 'med', 'p(95)', 'p(99)', 'max', 'count'],
    userAgent: 'doorbuster-load',
};

export function setup() {
    countNothingYet();
    const sale = http.get(`${settings.baseUrl}/api/v1/flash-sales/${settings.sale}`);
    check(sale, {
        'the sale is running': (response) => response.json('state') === 'running',
    });
    began.add(Date.now());
}

export default function click() {
    const customer = customerOf(exec.vu.idInTest);
    const order = buy(customer, newKey());
    check(order, { 'the click is a purchase': (id) => id !== null });
    if (order) pay(customer, order);
    clocks.answered.add(Date.now());
}
