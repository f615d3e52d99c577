/* Filters for the tables of kfuncs. Without scripts the tables show everything and the filters are not there. */
(function () {
  "use strict";

  function start(form) {
    const table = document.querySelector('table[data-filtered="' + form.dataset.for + '"]');
    if (!table) return;
    const output = form.querySelector("output");
    const groups = Array.from(table.tBodies, (body) => ({
      body,
      family: body.dataset.family,
      rows: Array.from(body.rows).filter((row) => row.dataset.name),
    }));
    const total = groups.reduce((sum, group) => sum + group.rows.length, 0);

    function has(row, key, wanted) {
      return !wanted || (row.dataset[key] || "").split(" ").includes(wanted);
    }

    function apply() {
      const words = form.elements.text.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
      const kernel = form.elements.kernel ? form.elements.kernel.value : "";
      const column = form.elements.column ? form.elements.column.value : "";
      const folded = form.elements.folded ? form.elements.folded.checked : false;
      let shown = 0;
      for (const group of groups) {
        let here = 0;
        for (const row of group.rows) {
          const text = row.dataset.name.toLowerCase();
          const match =
            words.every((word) => text.includes(word) || group.family.includes(word)) &&
            has(row, "kernels", kernel) &&
            has(row, "columns", column);
          row.hidden = folded || !match;
          here += match ? 1 : 0;
        }
        group.body.hidden = here === 0;
        shown += here;
      }
      output.textContent = shown === total ? total + " kfuncs" : shown + " of " + total + " kfuncs";
    }

    form.hidden = false;
    form.addEventListener("input", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    apply();
  }

  document.querySelectorAll("form.filters").forEach(start);
})();
