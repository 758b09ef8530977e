// A back office for tests on the npm package ocpp-rpc in strict mode: a peer that is not ours and does
// its own schema checks. Same lines in and out as ocpp_csms.py.
//
// usage: NODE_PATH=…/node_modules node ocpp_rpc_csms.js PORT_FILE
'use strict';
const fs = require('fs');
const readline = require('readline');
const { RPCServer } = require('ocpp-rpc');

const say = (what) => process.stdout.write(JSON.stringify(what) + '\n');
const now = () => new Date().toISOString();
let complaints = 0;
let station = null;

const complain = (text) => {
	complaints += 1;
	say({ complaint: text });
};

const answers = {
	BootNotification: () => ({ currentTime: now(), interval: 300, status: 'Accepted' }),
	Heartbeat: () => ({ currentTime: now() }),
	Authorize: () => ({ idTokenInfo: { status: 'Accepted' } }),
	TransactionEvent: (p) => (p.idToken ? { idTokenInfo: { status: 'Accepted' } } : {}),
};

const server = new RPCServer({ protocols: ['ocpp2.0.1'], strictMode: true });

server.on('client', (client) => {
	station = client;
	say({ dir: 'in', kind: 'open', identity: client.identity, subprotocol: client.protocol });
	client.on('strictValidationFailure', (event) => complain(String(event.error && event.error.message)));
	client.on('badMessage', (event) => complain(`bad message: ${event.error && event.error.message}`));
	client.on('close', () => say({ dir: 'in', kind: 'close' }));
	client.handle(({ method, params }) => {
		say({ dir: 'in', kind: 'call', action: method, payload: params });
		return answers[method] ? answers[method](params) : {};
	});
});

async function order(line) {
	const { action, payload } = JSON.parse(line);
	say({ dir: 'out', kind: 'call', action, payload });
	try {
		say({ dir: 'in', kind: 'result', action, payload: await station.call(action, payload) });
	} catch (error) {
		say({ dir: 'in', kind: 'error', action, code: error.rpcErrorCode || error.code, text: error.message });
	}
}

async function main() {
	const http = await server.listen(0, '127.0.0.1');
	fs.writeFileSync(process.argv[2] + '.new', `${http.address().port}\n`);
	fs.renameSync(process.argv[2] + '.new', process.argv[2]);
	for await (const line of readline.createInterface({ input: process.stdin }))
		order(line);
	await server.close({ force: true }).catch(() => {});
	process.exit(complaints ? 1 : 0);
}

main();
