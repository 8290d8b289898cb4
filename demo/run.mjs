// The demo: real data over HTTP into a server of its own, questions whose answers DuckDB checks on the original
// files, a kill in the middle of a load, and one summary. Ends by itself, with 0 only where everything is equal.
//
//   node demo/run.mjs [--keep]       --keep leaves the data directory and the server's log
import {Client} from './client.mjs';
import {killDuringLoad} from './crash.mjs';
import {loadAll} from './load.mjs';
import {Oracle} from './oracle.mjs';
import {askAll} from './ask.mjs';
import {streamFlights} from './stream.mjs';
import {heading, printSummary, say} from './report.mjs';
import {Server} from './server.mjs';

const keep = process.argv.includes('--keep');
const server = new Server();

// Whatever ends this process, the server ends with it and its directory goes.
process.on('exit', () => server.cleanUp(keep));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
        say(`\nended by ${signal}`);
        process.exit(130);
    });
}

async function main() {
    const began = performance.now();
    heading('start');
    await server.start();
    say(`insula answers on 127.0.0.1:${server.port} after ${server.startedMs.toFixed(0)} ms`);
    const client = new Client(() => server.port);
    const oracle = await Oracle.open();

    heading('load');
    const loads = await loadAll(client, oracle);

    heading('ask');
    const questions = await askAll(client, oracle);

    heading('stream');
    const stream = await streamFlights(client, oracle);

    heading('kill -9 during a load');
    const crash = await killDuringLoad(client, server, oracle);

    heading('ask again');
    const again = await askAll(client, oracle);

    heading('stop');
    const stoppedMs = await server.stop();
    say(`stopped cleanly in ${stoppedMs.toFixed(0)} ms`);

    const good = printSummary({loads, questions, stream, crash, again, seconds: (performance.now() - began) / 1000});
    client.close();
    oracle.close();
    return good ? 0 : 1;
}

try {
    process.exit(await main());
} catch (problem) {
    say(`\ndemo: ${problem.message}`);
    if (process.env.DEMO_STACK) say(problem.stack);
    say(server.logTail());
    process.exit(1);
}
