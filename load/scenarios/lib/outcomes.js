// What became of each request, by kind. A kind that nobody met is counted too, as zero: a threshold
// on a metric without samples would be passed over in silence.

import { Counter, Gauge, Trend } from 'k6/metrics';

const REFUSALS = [
    'sold_out',
    'none_left_now',
    'sale_over',
    'limit_reached',
    'not_enough',
    'not_started',
    'paused',
];

export const KINDS = [
    'bought', // 201: a new order
    'replayed', // 200: the order that this key made before
    ...REFUSALS,
    'too_many_requests', // 429
    'unavailable', // 503: nothing is known, ask again with the same key
    'no_answer',
    'other', // nothing that this scenario expects
];

// The answer is no outcome yet: the same request with the same key will tell.
const UNSETTLED = new Set(['too_many_requests', 'unavailable', 'no_answer']);

const answers = Object.fromEntries(KINDS.map((kind) => [kind, new Counter(`answers_${kind}`)]));
const latencies = Object.fromEntries(
    KINDS.map((kind) => [kind, new Trend(`latency_${kind}`, true)]),
);

export const counters = {
    purchases: new Counter('purchases'), // distinct keys that were told of an order
    unknown: new Counter('unknown_outcomes'), // keys whose retries ended without an outcome
    contradictions: new Counter('contradictions'), // answers to one key that can't both be true
    ranOut: new Counter('refused_for_units'),
    serverErrors: new Counter('server_errors'),
    doubleClicks: new Counter('double_clicks'),
    retries: new Counter('retries_same_key'),
    paid: new Counter('payments_acknowledged'),
    unpaid: new Counter('payments_unknown'),
};

// Milliseconds of the clock; a gauge keeps the least and the greatest of them.
export const clocks = {
    answered: new Gauge('answered_at_ms'),
    ranOut: new Gauge('ran_out_at_ms'),
};

export const payLatency = new Trend('latency_paid', true);

export function countNothingYet() {
    for (const counter of [...Object.values(answers), ...Object.values(counters)]) counter.add(0);
}

function kindOf(response) {
    if (response.status === 201) return 'bought';
    if (response.status === 200) return 'replayed';
    if (response.status === 409) {
        const code = response.json('code');
        return REFUSALS.includes(code) ? code : 'other';
    }
    if (response.status === 429) return 'too_many_requests';
    if (response.status === 503) return 'unavailable';
    return response.status === 0 ? 'no_answer' : 'other';
}

export function countServerError(response) {
    if (response.status >= 500) counters.serverErrors.add(1);
}

// Counts one answer to a purchase and returns what it was.
export function settle(response) {
    const kind = kindOf(response);
    answers[kind].add(1);
    latencies[kind].add(response.timings.duration);
    countServerError(response);
    if (kind === 'sold_out' || kind === 'none_left_now') {
        counters.ranOut.add(1);
        clocks.ranOut.add(Date.now());
    }
    const hasOrder = kind === 'bought' || kind === 'replayed';
    return {
        kind,
        order: hasOrder ? response.json('order_id') : null,
        isUnsettled: UNSETTLED.has(kind),
    };
}
