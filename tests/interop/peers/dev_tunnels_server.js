// The server of @microsoft/dev-tunnels-ssh as a peer: forwards TCP, lets the user in by every method
// that it has.
//
// usage: dev_tunnels_server.js DIRECTORY REKEY_BYTES
// peer.py says what is in DIRECTORY, and reads the line that tells the port. This server makes its
// host keys itself, and writes their public halves to DIRECTORY/host_key_*.pub. The library brings
// the protocol; connecting to the target and carrying bytes is up to the application, which is this
// file. (What the library has for that, in another package, knows no half-close: README.md.)
'use strict';

const fs = require('fs');
const net = require('net');
const path = require('path');
const ssh = require('@microsoft/dev-tunnels-ssh');

const PASSWORD = 'correct horse';
const [directory, rekeyBytes] = [process.argv[2], Number(process.argv[3])];
const authorized = fs.readFileSync(path.join(directory, 'authorized_keys'), 'utf8').trim()
    .split('\n').map((line) => Buffer.from(line.split(' ')[1], 'base64'));

async function authenticate(args) {
    const kinds = ssh.SshAuthenticationType;
    const yes = {};
    switch (args.authenticationType) {
    case kinds.clientPublicKeyQuery:
    case kinds.clientPublicKey: {
        const blob = await args.publicKey.getPublicKeyBytes();
        return authorized.some((each) => each.equals(blob)) ? yes : null;
    }
    case kinds.clientPassword:
        return args.password === PASSWORD ? yes : null;
    case kinds.clientInteractive:
        if (!args.infoResponse) {
            args.infoRequest = new ssh.AuthenticationInfoRequestMessage();
            args.infoRequest.prompts = [{ prompt: 'Password: ', echo: false }];
            return null;
        }
        return args.infoResponse.responses[0] === PASSWORD ? yes : null;
    default:
        return null;
    }
}

// RFC 4254 7.2
class DirectTcpip extends ssh.ChannelOpenMessage {
    onRead(reader) {
        super.onRead(reader);
        this.host = reader.readString('ascii');
        this.port = reader.readUInt32();
    }
}

function open(args) {
    if (args.channel.channelType !== 'direct-tcpip') {
        args.failureReason = ssh.SshChannelOpenFailureReason.unknownChannelType;
        return;
    }
    const { host, port } = args.request.convertTo(new DirectTcpip(), true);
    args.openingPromise = new Promise((resolve) => {
        const target = net.connect({ host, port, allowHalfOpen: true, noDelay: true });
        target.once('connect', () => {
            forward(args.channel, target);
            resolve(new ssh.ChannelOpenConfirmationMessage());
        });
        target.on('error', (error) => {
            const failure = new ssh.ChannelOpenFailureMessage();
            failure.reasonCode = ssh.SshChannelOpenFailureReason.connectFailed;
            failure.description = error.message;
            resolve(failure);
        });
    });
}

// Both directions, to the end of both. A channel gives window back for what the target has taken,
// and the target is not read while the channel cannot send.
function forward(channel, target) {
    let open = 2;
    const finished = () => {
        open -= 1;
        if (open === 0) {
            channel.close().catch(() => {});
        }
    };
    channel.onDataReceived((data) => {
        const { length } = data;
        target.write(Buffer.from(data), () => channel.adjustWindow(length));
    });
    channel.onEof(() => target.end(finished));
    channel.onClosed(() => target.destroy());
    target.on('error', () => channel.close().catch(() => {}));
    const broken = () => target.destroy();
    target.on('data', (data) => {
        target.pause();
        channel.send(data).then(() => target.resume(), broken);
    });
    target.on('end', () => channel.sendEof().then(finished, broken));
}

async function hostKeys() {
    const all = ssh.SshAlgorithms.publicKey;
    const made = { rsa: all.rsaWithSha512, ecdsa256: all.ecdsaSha2Nistp256,
        ecdsa384: all.ecdsaSha2Nistp384, ecdsa521: all.ecdsaSha2Nistp521 };
    return Promise.all(Object.entries(made).map(async ([name, algorithm]) => {
        const key = await algorithm.generateKeyPair();
        const type = name === 'rsa' ? 'ssh-rsa' : key.keyAlgorithmName;
        const blob = await key.getPublicKeyBytes(type);
        fs.writeFileSync(path.join(directory, `host_key_${name}.pub`),
            `${type} ${blob.toString('base64')} made\n`);
        return key;
    }));
}

function configuration() {
    const config = new ssh.SshSessionConfiguration();
    const speak = (list, all) => {
        list.splice(0, list.length, ...Object.values(all).filter((each) => each !== null));
    };
    speak(config.keyExchangeAlgorithms, ssh.SshAlgorithms.keyExchange);
    speak(config.publicKeyAlgorithms, ssh.SshAlgorithms.publicKey);
    speak(config.encryptionAlgorithms, ssh.SshAlgorithms.encryption);
    speak(config.hmacAlgorithms, ssh.SshAlgorithms.hmac);
    if (rekeyBytes) {
        config.keyRotationThreshold = rekeyBytes;
    }
    return config;
}

async function main() {
    const publicKeys = await hostKeys();
    const config = configuration();
    const server = net.createServer({ noDelay: true }, (socket) => {
        const session = new ssh.SshServerSession(config);
        session.credentials = { publicKeys };
        session.onAuthenticating((args) => {
            args.authenticationPromise = authenticate(args);
        });
        session.onChannelOpening(open);
        session.connect(new ssh.NodeStream(socket)).catch((error) => {
            console.error('connection:', error.message);
            socket.destroy();
        });
    });
    server.listen(0, '127.0.0.1', () => console.log('listening on', server.address().port));
}

main();
