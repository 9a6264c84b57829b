// The end of a run: everything that was counted as JSON for tools/load.py, and a few lines to read.
// Never --summary-export: its thresholds say true for what was breached.

import { KINDS } from './outcomes.js';
import { settings } from './settings.js';

function valueOf(metrics, name, key) {
    const metric = metrics[name];
    return metric && metric.values[key] !== undefined ? metric.values[key] : null;
}

function latencyOf(metrics, name) {
    const values = metrics[name] && metrics[name].values;
    if (!values || !values.count) return null;
    return {
        count: values.count,
        p50_ms: values.med,
        p95_ms: values['p(95)'],
        p99_ms: values['p(99)'],
        max_ms: values.max,
    };
}

function thresholdsOf(metrics) {
    const found = [];
    for (const [metric, { thresholds }] of Object.entries(metrics)) {
        for (const [rule, { ok }] of Object.entries(thresholds || {})) {
            found.push({ metric, rule, holds: ok });
        }
    }
    return found;
}

function outcomesOf(metrics) {
    const outcomes = {};
    for (const kind of KINDS) {
        const count = valueOf(metrics, `answers_${kind}`, 'count') || 0;
        outcomes[kind] = { answers: count, latency: latencyOf(metrics, `latency_${kind}`) };
    }
    return outcomes;
}

export function summaryOf(data) {
    const { metrics } = data;
    const count = (name) => valueOf(metrics, name, 'count') || 0;
    const firstRefusal = valueOf(metrics, 'ran_out_at_ms', 'min');
    const began = valueOf(metrics, 'began_at_ms', 'min');
    const ended = valueOf(metrics, 'answered_at_ms', 'max');
    const seconds = (ended - began) / 1000;
    return {
        target: settings.isCeiling ? 'ceiling' : 'shop',
        seconds,
        ran_out_after_s: firstRefusal === null ? null : (firstRefusal - began) / 1000,
        requests: count('http_reqs'),
        requests_per_s: seconds > 0 ? count('http_reqs') / seconds : 0,
        users_most: valueOf(metrics, 'vus_max', 'max') || 0,
        iterations: count('iterations'),
        dropped_iterations: count('dropped_iterations'),
        purchases: count('purchases'),
        unknown_outcomes: count('unknown_outcomes'),
        contradictions: count('contradictions'),
        refused_for_units: count('refused_for_units'),
        server_errors: count('server_errors'),
        failed_share: valueOf(metrics, 'http_req_failed', 'rate'),
        double_clicks: count('double_clicks'),
        retries_same_key: count('retries_same_key'),
        payments_acknowledged: count('payments_acknowledged'),
        payments_unknown: count('payments_unknown'),
        outcomes: outcomesOf(metrics),
        latency_all: latencyOf(metrics, 'http_req_duration'),
        latency_paid: latencyOf(metrics, 'latency_paid'),
        thresholds: thresholdsOf(metrics),
        settings: Object.assign({}, settings, { customersFile: null, summaryFile: null }),
    };
}

function linesOf(summary) {
    const lines = [`${summary.requests} requests in ${summary.seconds.toFixed(1)} s`];
    for (const [kind, { answers, latency }] of Object.entries(summary.outcomes)) {
        if (!latency) continue;
        const columns = ['p50_ms', 'p95_ms', 'p99_ms', 'max_ms'];
        const times = columns.map((column) => latency[column].toFixed(1)).join('  ');
        lines.push(`${kind.padEnd(18)}${String(answers).padStart(8)}  ${times} ms`);
    }
    for (const { metric, rule, holds } of summary.thresholds) {
        if (!holds) lines.push(`breached: ${metric} ${rule}`);
    }
    return `${lines.join('\n')}\n`;
}

export function handleSummary(data) {
    const summary = summaryOf(data);
    const files = { stdout: linesOf(summary) };
    if (settings.summaryFile) files[settings.summaryFile] = `${JSON.stringify(summary, null, 1)}\n`;
    return files;
}
