"use strict";
// A stand-in that fails ends when its last words were heard; a bash that it runs leaves the asking to it.
process.env.REHEARSAL_ASKING = process.pid;
process.on("exit", (code) => {
  if (code) require("node:child_process").spawnSync("sh", [process.env.REHEARSAL_LAST_WORDS], { stdio: "ignore" });
});
