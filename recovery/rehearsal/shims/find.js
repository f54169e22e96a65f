"use strict";
// What the stand-ins for `setup-*` actions of compilers do: find the tool on the PATH and tell its version.
require("./linger.js");
const fs = require("node:fs");
const { execFileSync } = require("node:child_process");

const run = (command) => {
  try {
    return execFileSync(command[0], command.slice(1), { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    if (error.code === "ENOENT") return null;
    return `${error.stdout || ""}${error.stderr || ""}`;
  }
};

module.exports = function find(tool, command, outputs) {
  const told = run(command);
  if (told === null) {
    console.log(`::error::this rehearsal needs ${tool} on the PATH, because it installs no tools`);
    process.exit(1);
  }
  const version = (told.match(/\d+(?:\.\d+)+/) || ["unknown"])[0];
  console.log(`Using ${tool} ${version} of this machine`);
  const asked = (process.env[`INPUT_${tool.toUpperCase()}-VERSION`] || "").trim();
  if (asked && !version.startsWith(asked.replace(/[.x*]+$/, ""))) {
    console.log(`::notice::${tool} ${asked} was asked for; a rehearsal uses what is there (${version})`);
  }
  for (const [name, value] of Object.entries(outputs(version))) {
    fs.appendFileSync(process.env.GITHUB_OUTPUT, `${name}=${value}\n`);
  }
};
