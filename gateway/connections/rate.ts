/** What a connection may still send; `at` in ms. */
export interface Bucket {
  tokens: number;
  refused: number;
  at: number;
}

const FLOOD_FACTOR = 10;
const FLOOD_SECONDS = 30;
const FLOOD_LEAST = 20_000;

export const fullBucket = (perSecond: number, now: number): Bucket => ({ tokens: perSecond * 2, refused: 0, at: now });

/**
 * Takes one event out of the bucket, which refills by `perSecond` and holds twice that. `flood` where refusals have come
 * at more than ten times the rate for half a minute on end: such a connection is ended; `cut` for what it still sends.
 */
export const spend = (bucket: Bucket, perSecond: number, now: number): "taken" | "limited" | "flood" | "cut" => {
  if (bucket.refused === Infinity) return "cut";
  const seconds = Math.max(0, now - bucket.at) / 1000;
  bucket.at = now;
  bucket.tokens = Math.min(perSecond * 2, bucket.tokens + seconds * perSecond);
  if (bucket.refused > 0) bucket.refused = Math.max(0, bucket.refused - seconds * perSecond * FLOOD_FACTOR);
  if (bucket.tokens >= 1) {
    bucket.tokens -= 1;
    return "taken";
  }
  bucket.refused += 1;
  if (bucket.refused <= Math.max(FLOOD_LEAST, perSecond * FLOOD_FACTOR * FLOOD_SECONDS)) return "limited";
  bucket.refused = Infinity;
  return "flood";
};
