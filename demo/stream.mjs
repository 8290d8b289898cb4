// Streams two columns of all flights and adds them up on the way, so that a missing, doubled or changed row shows.
import {progress, say} from './report.mjs';

const PROGRESS_ROWS = 250_000;

export async function streamFlights(client, oracle) {
    const [expected] = await oracle.rows(
        'SELECT count(*) n, sum(delay) delay, sum(distance) distance, sum(delay * distance) product FROM flights');
    let rows = 0;
    let delay = 0;
    let distance = 0;
    let product = 0;
    let firstRowMs = 0;
    const began = performance.now();
    const end = await client.stream('/data/search/stream', {sources: ['flights'], columns: ['delay', 'distance']},
        ({fields}) => {
            if (rows === 0) firstRowMs = performance.now() - began;
            rows++;
            delay += fields.delay;
            distance += fields.distance;
            product += fields.delay * fields.distance;
            if (rows % PROGRESS_ROWS === 0) progress(`stream: ${rows.toLocaleString('en')} rows`);
        });
    const seconds = (performance.now() - began) / 1000;
    const equal = BigInt(rows) === expected.n && BigInt(delay) === expected.delay &&
        BigInt(distance) === expected.distance && BigInt(product) === expected.product && end.rows_returned === rows;
    say(`${rows.toLocaleString('en')} rows, the first after ${firstRowMs.toFixed(1)} ms, ` +
        `${Math.round(rows / seconds).toLocaleString('en')} rows/s (read and parsed here): ` +
        (equal ? 'sums equal' : 'SUMS DIFFER'));
    return {rows, seconds, firstRowMs, equal};
}
