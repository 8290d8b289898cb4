// DuckDB as the peer of a measurement: takes {"sql": …} a line, answers {"ms": …, "rows": […]} a line.
import {createInterface} from 'node:readline';

import duckdb from '@duckdb/node-api';

const plain = (key, value) => (typeof value === 'bigint' ? value.toString() : value);

// HUGEINT, DECIMAL and the like come as objects; sums of integers are among them.
const asPlain = (value) =>
    (value !== null && typeof value === 'object' ? value.toString() : value);

async function answer(connection, sql) {
    const began = performance.now();
    const reader = await connection.runAndReadAll(sql);
    const ms = performance.now() - began;
    const rows = reader.getRowObjects().map((row) =>
        Object.fromEntries(Object.entries(row).map(([name, value]) => [name, asPlain(value)])));
    return {ms, rows};
}

const instance = await duckdb.DuckDBInstance.create(':memory:');
const connection = await instance.connect();
process.stdout.write(`${JSON.stringify({version: duckdb.version()})}\n`);
for await (const line of createInterface({input: process.stdin})) {
    let said;
    try {
        said = await answer(connection, JSON.parse(line).sql);
    } catch (error) {
        said = {error: error.message};
    }
    process.stdout.write(`${JSON.stringify(said, plain)}\n`);
}
connection.closeSync();
instance.closeSync();
