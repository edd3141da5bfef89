// The page of one answer: a table.
start({ answer: () => tableView(TABLES.answer, { nothing: "No rows." }) });
