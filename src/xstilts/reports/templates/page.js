"use strict";
(() => {
  const text = (cell) => cell.innerText.trim();
  const number = (words) => {
    const found = words.replace(/,/g, "").match(/^[+-]?\d+(\.\d+)?/);
    return found ? Number(found[0]) : NaN;
  };
  const compare = (a, b) => {
    const x = number(a), y = number(b);
    if (!isNaN(x) && !isNaN(y)) return x - y;
    return isNaN(x) === isNaN(y) ? a.localeCompare(b) : isNaN(x) ? 1 : -1;
  };

  function sortBy(table, column, header) {
    const down = header.getAttribute("aria-sort") === "descending";
    table.querySelectorAll("thead th").forEach((one) => one.removeAttribute("aria-sort"));
    header.setAttribute("aria-sort", down ? "ascending" : "descending");
    const rows = [...table.tBodies[0].rows];
    rows.sort((a, b) => (down ? 1 : -1) * compare(text(a.cells[column]), text(b.cells[column])));
    table.tBodies[0].append(...rows);
  }

  function makeSortable(table) {
    [...table.tHead.rows[0].cells].forEach((header, column) => {
      if (header.querySelector("a")) return;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...header.childNodes);
      button.addEventListener("click", () => sortBy(table, column, header));
      header.append(button);
    });
  }

  function makeFilter(table) {
    const field = document.createElement("input");
    field.type = "search";
    field.placeholder = "filter rows";
    field.setAttribute("aria-label", "filter rows");
    field.addEventListener("input", () => {
      const words = field.value.toLowerCase().split(/\s+/);
      for (const row of table.tBodies[0].rows) {
        const content = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => content.includes(word));
      }
    });
    return field;
  }

  const quoted = (words) => {
    const safe = /^[=+\-@]/.test(words) && isNaN(Number(words)) ? "'" + words : words;
    return '"' + safe.replace(/\s+/g, " ").replace(/"/g, '""') + '"';
  };

  function makeDownload(table, name) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "download CSV";
    button.addEventListener("click", () => {
      const rows = [...table.rows].map((row) => [...row.cells].map((c) => quoted(text(c))).join(","));
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([rows.join("\n") + "\n"], { type: "text/csv" }));
      link.download = name + ".csv";
      link.click();
      URL.revokeObjectURL(link.href);
    });
    return button;
  }

  document.querySelectorAll("table").forEach((table, index) => {
    if (!table.tHead || !table.tBodies.length || table.classList.contains("plain")) return;
    const section = table.closest("section");
    const tools = document.createElement("div");
    tools.className = "tools";
    if (table.tBodies[0].rows.length > 1) makeSortable(table);
    if (table.tBodies[0].rows.length > 12) tools.append(makeFilter(table));
    tools.append(makeDownload(table, document.title.split(" ")[0] + "-" + (section?.id ?? "table") + "-" + (index + 1)));
    (table.closest(".wide, .box") ?? table).before(tools);
  });
})();
