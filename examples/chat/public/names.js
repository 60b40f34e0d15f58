const FIRST = [
  "Amber",
  "Azure",
  "Coral",
  "Hazel",
  "Indigo",
  "Ivory",
  "Jade",
  "Lilac",
  "Olive",
  "Pearl",
  "Rose",
  "Sage",
  "Sienna",
  "Silver",
  "Teal",
  "Umber",
];
const LAST = [
  "Badger",
  "Crane",
  "Dove",
  "Falcon",
  "Fox",
  "Hare",
  "Heron",
  "Ibis",
  "Lark",
  "Lynx",
  "Marten",
  "Otter",
  "Robin",
  "Seal",
  "Swan",
  "Wren",
];

const hash = (text) => {
  let value = 2166136261;
  for (const letter of text) value = Math.imul(value ^ letter.codePointAt(0), 16777619) >>> 0;
  return value ^ (value >>> 15);
};

/** The name and colour that a user's id stands for, the same on every page. */
export const personOf = (user = "a server") => {
  if (!/^\S{16,}$/.test(user)) return { name: user, initials: user.slice(0, 2), hue: (hash(user) >>> 0) % 360 };
  const value = hash(user) >>> 0;
  const first = FIRST[value % FIRST.length];
  const last = LAST[(value >>> 8) % LAST.length];
  return { name: `${first} ${last}`, initials: first[0] + last[0], hue: (value >>> 4) % 360 };
};
