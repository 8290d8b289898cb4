// HTTP to the server, on connections that are kept.
import http from 'node:http';
import readline from 'node:readline';

const REQUEST_MS_MAX = 120_000;

// The server answered, and it was not 2xx.
export class Refused extends Error {
    constructor(target, status, body) {
        super(`POST ${target}: ${status} ${body.slice(0, 500)}`);
        this.status = status;
    }
}

export class Client {
    #agent = new http.Agent({keepAlive: true, maxSockets: 16});
    #port;

    // `port` is a function, since the server has another one after its restart.
    constructor(port) { this.#port = port; }

    close() { this.#agent.destroy(); }

    // Forgets connections to a server that is gone.
    reconnect() {
        this.#agent.destroy();
        this.#agent = new http.Agent({keepAlive: true, maxSockets: 16});
    }

    #send(method, target, headers, body, onUploaded) {
        return new Promise((resolve, reject) => {
            const request = http.request({
                host: '127.0.0.1', port: this.#port(), path: target, method, agent: this.#agent,
                headers: {'Content-Length': body.length, ...headers}, timeout: REQUEST_MS_MAX,
            }, resolve);
            request.once('error', reject);
            request.once('timeout', () => request.destroy(new Error(`${target}: no answer in ${REQUEST_MS_MAX} ms`)));
            request.end(body, onUploaded);
        });
    }

    async #text(answer) {
        const pieces = [];
        for await (const piece of answer) pieces.push(piece);
        return Buffer.concat(pieces).toString('utf8');
    }

    async post(target, body, headers = {}) {
        const isText = typeof body === 'string' || Buffer.isBuffer(body);
        const bytes = isText ? Buffer.from(body) : Buffer.from(JSON.stringify(body));
        const answer = await this.#send('POST', target, {'Content-Type': 'application/json', ...headers}, bytes);
        const text = await this.#text(answer);
        if (answer.statusCode < 200 || answer.statusCode > 299) throw new Refused(target, answer.statusCode, text);
        return text === '' ? null : JSON.parse(text);
    }

    // Calls onRecord(record) for each line and returns the last one, {"end": …}; fails where it is missing.
    async stream(target, body, onRecord) {
        const bytes = Buffer.from(JSON.stringify(body));
        const answer = await this.#send('POST', target, {'Content-Type': 'application/json'}, bytes);
        if (answer.statusCode !== 200) throw new Refused(target, answer.statusCode, await this.#text(answer));
        let end = null;
        for await (const line of readline.createInterface({input: answer, crlfDelay: Infinity})) {
            const parsed = JSON.parse(line);
            if (parsed.error) throw new Error(`${target}: ${parsed.error.message}`);
            if (parsed.end) end = parsed.end;
            else onRecord(parsed.record);
        }
        if (end === null) throw new Error(`${target}: the stream was cut off`);
        return end;
    }
}
