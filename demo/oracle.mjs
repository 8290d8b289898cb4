// DuckDB on the original files: what the right answers are.
import {createRequire} from 'node:module';
import path from 'node:path';

import {ROOT} from './server.mjs';

const require = createRequire(import.meta.url);
const DATA = path.join(ROOT, 'node_modules/vega-datasets/data');

export const dataFile = (name) => path.join(DATA, name);

// Views over the files, none of which went through the server. In `movies` nine titles are numbers; a column
// of text holds no number, so they read as null there (the documents still have them).
const VIEWS = `
    CREATE VIEW flights AS FROM read_parquet('${dataFile('flights-3m.parquet')}');
    CREATE VIEW delays AS FROM read_json('${dataFile('flights-200k.json')}',
        columns = {delay: 'BIGINT', distance: 'BIGINT', time: 'DOUBLE'});
    CREATE VIEW movies AS SELECT * REPLACE (
            CASE json_type("Title") WHEN 'VARCHAR' THEN "Title" ->> '$' END AS "Title")
        FROM read_json('${dataFile('movies.json')}', sample_size = -1);
    CREATE VIEW quakes AS SELECT unnest(features) AS f
        FROM read_json('${dataFile('earthquakes.json')}', sample_size = -1, maximum_object_size = 16777216);
    CREATE VIEW zipcodes AS FROM read_csv('${dataFile('zipcodes.csv')}', header = true,
        types = {'zip_code': 'VARCHAR'});
`;

export class Oracle {
    #instance;
    #connection;

    static async open() {
        const {DuckDBInstance} = require('@duckdb/node-api');
        const oracle = new Oracle();
        oracle.#instance = await DuckDBInstance.create(':memory:');
        oracle.#connection = await oracle.#instance.connect();
        await oracle.#connection.run(VIEWS);
        return oracle;
    }

    // Rows as objects; integers come as bigint, doubles as number.
    async rows(sql) {
        const reader = await this.#connection.runAndReadAll(sql);
        return reader.getRowObjects();
    }

    async value(sql) {
        const [row] = await this.rows(sql);
        return Object.values(row)[0];
    }

    close() {
        this.#connection.closeSync();
        this.#instance.closeSync();
    }
}
