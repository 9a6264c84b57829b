// node lint.mjs CONFIG FILE...: Redocly's findings as one JSON array of {file, line, rule, message}.
// Its core alone: the package @redocly/cli brings a web server and React along.
import core from '@redocly/openapi-core';

const [configPath, ...files] = process.argv.slice(2);
const config = await core.loadConfig({ configPath });
const findings = [];
for (const file of files) {
  for (const problem of await core.lint({ ref: file, config })) {
    const { start } = core.getLineColLocation(problem.location[0]);
    findings.push({ file, line: start.line, rule: problem.ruleId, message: problem.message });
  }
}
console.log(JSON.stringify(findings));
