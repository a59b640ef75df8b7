// SPDX-License-Identifier: BSD-3-Clause
//
// What polars, which knows nothing of tcpmill, sees in an Arrow file.
//
//   node polars_dump.mjs FILE.arrow           name, dtype, nulls, sum or distinct, tab-separated
//   node polars_dump.mjs FILE.arrow --json    the same as one JSON document
//   node polars_dump.mjs FILE.arrow --rows    every row as a line of JSON
//
// A file that ends in .arrows is read as a stream. Sums are exact: they are added as BigInt, not by
// polars. In rows int64 is a string, null is null and a timestamp is its integer of nanoseconds,
// also a string.

import fs from "node:fs";
import pl from "nodejs-polars";

function kindOf(dtype) {
	const name = String(dtype.variant ?? dtype);

	if (/^U?Int(8|16|32|64)$/.test(name))
		return "int";
	if (/^Float/.test(name))
		return "float";
	if (/^Datetime/.test(name))
		return "time";
	return /^Bool/.test(name) ? "bool" : "text";
}

// One column as plain values: BigInt for integers and times, strings, booleans, null.
function valuesOf(column) {
	const kind = kindOf(column.dtype);

	// Integers go through text: toArray() would take an int64 through a double, and a time
	// through a Date of milliseconds. A time's cast gives the integer of the file, ns in ours.
	if (kind === "int" || kind === "time")
		return (kind === "time" ? column.cast(pl.Int64) : column)
			.cast(pl.Utf8)
			.toArray()
			.map((v) => (v === null ? null : BigInt(v)));
	if (kind === "text")
		return column.cast(pl.Utf8).toArray();
	return column.toArray();
}

function summary(column) {
	const values = valuesOf(column);
	const present = values.filter((v) => v !== null);
	const kind = kindOf(column.dtype);
	const out = {
		name: column.name,
		dtype: String(column.dtype).replace(/^DataType\((.*)\)$/, "$1"),
		nulls: values.length - present.length,
	};

	if (kind === "text")
		out.distinct = new Set(present).size;
	else if (kind === "bool")
		out.sum = present.length ? String(present.filter(Boolean).length) : null;
	else if (kind === "float")
		out.sum = present.length ? String(present.reduce((a, b) => a + b, 0)) : null;
	else
		out.sum = present.length ? String(present.reduce((a, b) => a + b, 0n)) : null;
	return out;
}

function plain(value) {
	return typeof value === "bigint" ? String(value) : value;
}

function isNumber(value, isWide) {
	return typeof value === "bigint" && !isWide;
}

// Small integers print as numbers, int64 and times as strings.
function rowPrinter(frame) {
	const columns = frame.getColumns().map((column) => {
		const type = String(column.dtype.variant ?? column.dtype);
		const isWide = /64$|^Datetime/.test(type);
		const values = valuesOf(column);

		return {
			name: column.name,
			at: (i) =>
				isNumber(values[i], isWide) ? Number(values[i]) : plain(values[i]),
		};
	});

	return (i) => JSON.stringify(Object.fromEntries(columns.map((c) => [c.name, c.at(i)])));
}

// `| head` is no error.
process.stdout.on("error", (error) => process.exit(error.code === "EPIPE" ? 0 : 1));

function main() {
	const args = process.argv.slice(2);
	const file = args.find((a) => !a.startsWith("--"));

	if (!file) {
		process.stderr.write("usage: node polars_dump.mjs FILE.arrow [--json | --rows]\n");
		process.exit(2);
	}
	// A Buffer, not a path: nodejs-polars takes a string for data unless it ends in .ipc.
	const bytes = fs.readFileSync(file);
	const frame = file.endsWith(".arrows") ? pl.readIPCStream(bytes) : pl.readIPC(bytes);

	if (args.includes("--rows")) {
		const print = rowPrinter(frame);

		for (let i = 0; i < frame.height; i++)
			process.stdout.write(print(i) + "\n");
		return;
	}
	const columns = frame.getColumns().map(summary);

	if (args.includes("--json")) {
		const document = { rows: frame.height, columns };

		process.stdout.write(JSON.stringify(document, null, 1) + "\n");
		return;
	}
	process.stdout.write(`rows\t${frame.height}\n`);
	for (const c of columns)
		process.stdout.write(
			`${c.name}\t${c.dtype}\t${c.nulls}\t${c.distinct ?? c.sum ?? "null"}\n`);
}

main();
