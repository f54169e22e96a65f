const METRES_PER_NAUTICAL_MILE = 1852;

/** A speed in knots as kilometres per hour. */
export const toKilometresPerHour = (knots) => (knots * METRES_PER_NAUTICAL_MILE) / 1000;

/** A speed in kilometres per hour as knots. */
export const toKnots = (kilometresPerHour) => (kilometresPerHour * 1000) / METRES_PER_NAUTICAL_MILE;
