// SPDX-License-Identifier: Apache-2.0
// Lints an OpenAPI document: lint_api.mjs FILE. Prints what is wrong, and ends with 1 when anything is.
import {createConfig, lint} from '@redocly/openapi-core';

const config = await createConfig({
  extends: ['recommended-strict'],
  // a server is wherever its operator has put it
  rules: {'no-server-example.com': 'off', 'operation-operationId-unique': 'error', 'no-invalid-media-type-examples': 'error'},
});
const problems = await lint({ref: process.argv[2], config});
for (const {ruleId, message, location} of problems) {
  console.log(`${ruleId}: ${message} (${location.map((one) => one.pointer ?? '').join(', ')})`);
}
process.exit(problems.length > 0 ? 1 : 0);
