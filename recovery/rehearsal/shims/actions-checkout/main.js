"use strict";
// Stands in where `act` cannot copy the work tree: another ref or path. Only the repository under rehearsal is known.
require("./linger.js");
const fs = require("node:fs");
const path = require("node:path");
const { execFileSync } = require("node:child_process");

const input = (name) => (process.env[`INPUT_${name.toUpperCase()}`] || "").trim();
const refuse = (text) => {
  console.log(`::error::${text}`);
  process.exit(1);
};
const git = (folder, ...words) =>
  execFileSync("git", ["-c", "safe.directory=*", "-c", "core.hooksPath=/dev/null", "-C", folder, ...words], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  }).trim();
const known = (origin, ref) => {
  for (const name of [ref, `refs/heads/${ref}`, `refs/tags/${ref}`]) {
    try {
      return git(origin, "rev-parse", "--verify", "--quiet", "--end-of-options", `${name}^{commit}`);
    } catch {
      continue;
    }
  }
  return refuse(`a rehearsal knows no ref ${ref}`);
};

const repository = input("repository");
if (repository && repository.toLowerCase() !== process.env.GITHUB_REPOSITORY.toLowerCase()) {
  refuse(`a rehearsal knows no repository ${repository}, only the one under rehearsal`);
}
const workspace = process.env.GITHUB_WORKSPACE;
const target = path.resolve(workspace, input("path") || ".");
if (target !== workspace && !target.startsWith(workspace + path.sep)) {
  refuse(`the path ${input("path")} is outside the workspace`);
}
const origin = process.env.REHEARSAL_REPOSITORY;
const asked = input("ref");
const pull = /^refs\/pull\/\d+\/(merge|head)$/.test(asked);
const commit = !asked || pull ? process.env.SHA_REF : known(origin, asked);
fs.mkdirSync(target, { recursive: true });
if (!fs.existsSync(path.join(target, ".git"))) {
  git(target, "init", "-q");
  git(target, "fetch", "-q", origin, "+refs/heads/*:refs/remotes/origin/*");
}
git(target, "checkout", "-q", "--force", "--detach", commit);
if (input("clean") !== "false") git(target, "clean", "-ffdxq");
console.log(`HEAD is now at ${commit}`);
fs.appendFileSync(process.env.GITHUB_OUTPUT, `ref=${asked}\ncommit=${commit}\n`);
