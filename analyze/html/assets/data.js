// The answers of the reports as analyze/html/encode.py wrote them.

const DATA = JSON.parse(document.getElementById("data").textContent);

class Table {
  constructor(made) {
    Object.assign(this, made);
    this.doubtful = new Set(made.doubtful);
    this.columns = made.columns.map((column) => ({
      ...column,
      values: column.values || column.codes.map((code) => column.dict[code]),
      numeric: /INT|DOUBLE|FLOAT|DECIMAL|TIMESTAMP/.test(column.type) && !/\(/.test(column.type.replace(/DECIMAL\(.*\)/, "DECIMAL")),
    }));
    for (const column of this.columns) {
      if (column.numeric) column.values = column.values.map((value) => (typeof value === "string" ? Number(value) : value));
    }
  }

  // A cell's text; a percentile that calls which were lost may move is marked, as in a terminal.
  text(column, row) {
    const text = cellText(column.values[row], column);
    return text && this.doubtful.has(row) && /^p\d+_/.test(column.name) ? `~${text}` : text;
  }

  column(name) {
    return this.columns.find((column) => column.name === name);
  }

  values(name) {
    const column = this.column(name);
    return column ? column.values : [];
  }

  // A row as an object.
  row(index) {
    return Object.fromEntries(this.columns.map((column) => [column.name, column.values[index]]));
  }

  // For each value of a column how many rows, or the sum of another column; the greatest first.
  countBy(name, counted) {
    const sums = new Map();
    const values = counted && this.values(counted);
    this.values(name).forEach((key, row) => sums.set(key, (sums.get(key) || 0) + (values ? values[row] || 0 : 1)));
    return [...sums].sort((a, b) => b[1] - a[1]);
  }

  sum(name) {
    if (this.totals && this.totals[name] !== undefined && this.totals[name] !== null) return Number(this.totals[name]);
    return this.values(name).reduce((total, value) => total + (value || 0), 0);
  }
}

const TABLES = Object.fromEntries(Object.entries(DATA.tables).map(([name, made]) => [name, new Table(made)]));
