import assert from "node:assert/strict";
import { test } from "node:test";
import { toKilometresPerHour, toKnots } from "../src/knots.js";

test("ten knots are 18.52 kilometres per hour", () => {
  assert.equal(toKilometresPerHour(10), 18.52);
});

test("there and back again", () => {
  assert.ok(Math.abs(toKnots(toKilometresPerHour(7)) - 7) < 1e-9);
});
