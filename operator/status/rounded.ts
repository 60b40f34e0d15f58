/** 1234 → 1200: a number that moves all the time is not worth a write for its last digits. */
export const rounded = (value: number): number => (value === 0 ? 0 : Number(value.toPrecision(2)));
