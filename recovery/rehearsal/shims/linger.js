"use strict";
// When a step fails, `act` goes on without waiting for what it said last.
process.on("exit", (code) => {
  if (code) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 150);
});
