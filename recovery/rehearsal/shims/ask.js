"use strict";
// What every stand-in does: send inputs and surroundings to the rehearsal, then print, set and keep what it answers.
require("./linger.js");
const fs = require("node:fs");

const pick = (prefix) =>
  Object.fromEntries(
    Object.entries(process.env)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => [name.slice(prefix.length).toLowerCase(), value]),
  );

const append = (file, values) => {
  for (const [name, value] of Object.entries(values)) {
    fs.appendFileSync(file, `${name}<<REHEARSAL_END\n${value}\nREHEARSAL_END\n`);
  }
};

module.exports = async function ask(act) {
  const answer = await fetch(`${process.env.REHEARSAL_URL}/_rehearsal/${act}`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-rehearsal-secret": process.env.REHEARSAL_SECRET },
    body: JSON.stringify({
      inputs: pick("INPUT_"),
      state: pick("STATE_"),
      workspace: process.env.GITHUB_WORKSPACE,
      home: process.env.HOME || process.env.USERPROFILE,
      temp: process.env.RUNNER_TEMP,
      path: process.env.PATH,
    }),
  });
  const result = await answer.json();
  if (!answer.ok) {
    console.log(`::error::${result.message}`);
    process.exit(1);
  }
  for (const line of result.lines) console.log(line);
  append(process.env.GITHUB_OUTPUT, result.outputs);
  if (process.env.GITHUB_STATE) append(process.env.GITHUB_STATE, result.state);
  if (result.failed) process.exitCode = 1;
};
