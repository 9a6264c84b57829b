// A flash sale stormed by USERS customers at once, each with a token of its own, until long after
// the last unit is gone. Started by `make load`; README.md says what it counts and when it fails.

import { sleep } from 'k6';
import exec from 'k6/execution';
import { Gauge } from 'k6/metrics';

import { buy, newKey, pay } from './lib/buyer.js';
import { customerOf } from './lib/customers.js';
import { clocks, countNothingYet } from './lib/outcomes.js';
import { settings } from './lib/settings.js';

export { handleSummary } from './lib/summary.js';

const SECONDS_FOR_METERS = 1;

const began = new Gauge('began_at_ms');

// Closed: a user's next click waits for its last answer. Open: clicks come by the clock, and k6
// counts those that it had no free user for as dropped.
function arrivals() {
    if (settings.rate === 0) {
        return {
            executor: 'per-vu-iterations',
            vus: settings.users,
            iterations: settings.clicksPerUser,
            maxDuration: `${settings.secondsMax}s`,
        };
    }
    return {
        executor: 'constant-arrival-rate',
        rate: settings.rate,
        timeUnit: '1s',
        duration: `${settings.rateSeconds}s`,
        preAllocatedVUs: settings.users,
        maxVUs: settings.users,
    };
}

const always = {
    dropped_iterations: ['count==0'],
    http_req_failed: ['rate==0'],
    server_errors: ['count==0'],
    unknown_outcomes: ['count==0'],
    answers_other: ['count==0'],
};

const ofTheShop = {
    contradictions: ['count==0'],
    refused_for_units: ['count>0'],
    latency_bought: [`p(99)<${settings.p99MsMax}`],
};

export const options = {
    scenarios: { flash_sale: arrivals() },
    thresholds: settings.isCeiling ? always : Object.assign({}, always, ofTheShop),
    summaryTrendStats: ['min', 'avg', 'med', 'p(95)', 'p(99)', 'max', 'count'],
    userAgent: 'doorbuster-load',
};

// All users exist by now. tools/load.py reads its CPU meters at these two lines.
export function setup() {
    countNothingYet();
    console.log('the load begins');
    sleep(SECONDS_FOR_METERS);
    began.add(Date.now());
}

export default function click() {
    const customer = customerOf(exec.vu.idInTest);
    const order = buy(customer, newKey());
    if (order && Math.random() < settings.payShare) pay(customer, order);
    clocks.answered.add(Date.now());
    if (settings.thinkMs > 0) sleep((settings.thinkMs * 2 * Math.random()) / 1000);
}

export function teardown() {
    console.log('the load ends');
}
