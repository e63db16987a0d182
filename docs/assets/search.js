/* A search for `--save-width` or `N:`. The search engine reads such signs as operators, fails at the
 * wrong ones, and then finds nothing; it gets the words alone. */
"use strict";

(() => {
  const box = document.querySelector("[data-md-component=search-query]");
  if (!box) return;
  const { get, set } = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value");
  const words = (text) => text.replace(/(^|[\s"])[-+]+|[:^~*]/g, "$1 ");
  Object.defineProperty(box, "value", { get: () => words(get.call(box)), set: (text) => set.call(box, text) });
})();
