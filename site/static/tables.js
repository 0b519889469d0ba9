/* Tables that readers may sort and filter, with a line for each score and its interval.

A table inside `.sortable` is complete without this file. With it, headings sort, a field filters by what a row says, a menu
chooses among what the rows belong to (`data-choose="network"`: their `data-network`), and "0.43 [0.41, 0.46]" is also drawn, from −1 to 1.
A plain script, no module: browsers load no modules from file://. */
(() => {
  const SCORE = /^(-?\d+\.\d+) \[(-?\d+\.\d+), (-?\d+\.\d+)\]$/;
  const plain = (text) => text.trim().replaceAll("−", "-");

  /** The number that a cell begins with, or null. */
  function number(text) {
    const found = /^-?\d+(\.\d+)?/.exec(plain(text));
    return found ? Number(found[0]) : null;
  }

  /** Mean and interval of a cell such as "0.43 [0.41, 0.46]", or null. */
  function score(text) {
    const found = SCORE.exec(plain(text));
    return found ? { mean: Number(found[1]), low: Number(found[2]), high: Number(found[3]) } : null;
  }

  /** Compares two cells: numbers by size, words by the alphabet, numbers before words. */
  function compare(a, b) {
    const [x, y] = [number(a), number(b)];
    if (x !== null && y !== null) return x - y;
    if ((x === null) !== (y === null)) return x === null ? 1 : -1;
    return plain(a).localeCompare(plain(b));
  }

  /** Whether a row's text holds all the words, in any order. */
  function holds(text, words) {
    return words.toLowerCase().split(/\s+/).every((word) => text.toLowerCase().includes(word));
  }

  function draw(cell) {
    const found = score(cell.textContent);
    if (!found) return;
    const [mean, interval] = cell.textContent.trim().split(" [");
    const small = document.createElement("small");
    small.textContent = ` [${interval}`;
    cell.replaceChildren(mean, small);
    const at = (value) => `${50 + 50 * value}%`;
    const line = document.createElement("span");
    line.className = "score-line";
    line.setAttribute("aria-hidden", "true");
    line.style.setProperty("--mean", at(found.mean));
    line.style.setProperty("--low", at(found.low));
    line.style.setProperty("--width", `${50 * (found.high - found.low)}%`);
    cell.append(line);
  }

  function sortBy(table, index, heading) {
    const body = table.tBodies[0];
    const rows = [...body.rows];
    const numeric = rows.some((row) => number(row.cells[index].textContent) !== null);
    const ascending = heading.ariaSort ? heading.ariaSort === "descending" : !numeric; // scores: the best first
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.ariaSort = ascending ? "ascending" : "descending";
    rows.sort((a, b) => (ascending ? 1 : -1) * compare(a.cells[index].textContent, b.cells[index].textContent));
    body.append(...rows);
  }

  function enhance(holder) {
    const table = holder.querySelector("table");
    const rows = [...table.tBodies[0].rows];
    const headings = [...table.tHead.rows[0].cells];
    const texts = new Map(rows.map((row) => [row, row.textContent]));
    headings.forEach((heading, index) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      if (!button.textContent.trim()) button.textContent = "name";
      button.addEventListener("click", () => sortBy(table, index, heading));
      heading.append(button);
    });
    rows.forEach((row) => [...row.cells].forEach(draw));

    const tools = document.createElement("div");
    tools.className = "table-tools";
    const filter = document.createElement("input");
    filter.type = "search";
    filter.placeholder = "Filter the rows";
    filter.ariaLabel = "Filter the rows";
    tools.append(filter);
    const by = holder.dataset.choose;
    const choice = document.createElement("select");
    if (by) {
      choice.ariaLabel = by;
      for (const value of new Set(rows.map((row) => row.dataset[by]))) choice.add(new Option(value));
      tools.append(choice);
    }
    const update = () => rows.forEach((row) => {
      row.hidden = !holds(texts.get(row), filter.value) || Boolean(by) && row.dataset[by] !== choice.value;
    });
    filter.addEventListener("input", update);
    choice.addEventListener("change", update);
    holder.prepend(tools);
    update();
  }

  globalThis.courseTables = { number, score, compare, holds };
  if (globalThis.document) document.querySelectorAll(".sortable").forEach(enhance);
})();
