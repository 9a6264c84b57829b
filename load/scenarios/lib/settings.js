// What a run can be told from outside; each has a default but the sale and the customers.

function number(name, fallback) {
    const text = __ENV[name];
    if (text === undefined || text === '') return fallback;
    const value = Number(text);
    if (!Number.isFinite(value) || value < 0) throw new Error(`${name} must be a number >= 0`);
    return value;
}

function required(name, what) {
    const text = __ENV[name];
    if (!text) throw new Error(`${name} is missing: ${what}`);
    return text;
}

export const settings = {
    baseUrl: required('BASE_URL', "the shop's address, such as http://127.0.0.1:8080"),
    sale: required('SALE', 'the id of a flash sale that is running'),
    customersFile: required('CUSTOMERS', 'the file that `doorbuster customers seed` wrote'),
    runId: required('RUN_ID', 'begin of all idempotency keys; new for each run'),
    summaryFile: __ENV.SUMMARY || '',
    // The ceiling is a server without a shop behind it: nothing it says is judged.
    isCeiling: __ENV.TARGET === 'ceiling',

    users: number('USERS', 1000),
    clicksPerUser: number('CLICKS', 40),
    rate: number('RATE', 0), // > 0: arrivals by the clock, whether the shop keeps up or not
    rateSeconds: number('RATE_SECONDS', 30),
    secondsMax: number('SECONDS_MAX', 300),
    thinkMs: number('THINK_MS', 0),

    doubleClickShare: number('DOUBLE_CLICKS', 0.05),
    retryShare: number('RETRIES', 0.05),
    payShare: number('PAY', 0),

    p99MsMax: number('P99_MS_MAX', 3000),
};
