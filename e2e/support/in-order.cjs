const { default: Sequencer } = require("@jest/test-sequencer");
const { basename } = require("node:path");

// What breaks everything else comes first; what disturbs the operator or the nodes comes last.
const ORDER =
  "smoke healing pools roll rabbitmq isolation external deletion invalid health leader upgrade drain-node scale500".split(
    " ",
  );

const place = ({ path }) => {
  const found = ORDER.indexOf(basename(path, ".test.ts"));
  return found < 0 ? ORDER.length : found;
};

module.exports = class extends Sequencer {
  sort(tests) {
    return [...tests].sort((a, b) => place(a) - place(b));
  }
};
