// The fixture's command line as options of the official server.
//
// in:  the arguments after the script name
// out: the port, the options object, functions to be called with the finished server, and whether it speaks TLS
// odd: an unknown option is an error, so that a test cannot silently run with less than it asked for
import { readHttpOption } from "./http-options.mjs";

import { PARSERS } from "../support/parsers.mjs";

const NUMBERS = {
  "--ping-interval": "pingInterval",
  "--ping-timeout": "pingTimeout",
  "--max-payload": "maxHttpBufferSize",
  "--upgrade-timeout": "upgradeTimeout",
  "--connect-timeout": "connectTimeout",
};

const cookie = ({ expires, ...others }) => (expires === undefined ? others : { ...others, expires: new Date(expires) });

const recovery = (options) => (options.connectionStateRecovery ??= {});

export function readCommandLine([port, ...rest]) {
  const setups = [];
  let tls = false;
  const options = { cleanupEmptyChildNamespaces: true };
  while (rest.length > 0) {
    const name = rest.shift();
    if (name in NUMBERS) options[NUMBERS[name]] = Number(rest.shift());
    else if (name === "--path") options.path = rest.shift();
    else if (name === "--transports") options.transports = rest.shift().split(",");
    else if (name === "--tls") tls = true;
    else if (name === "--no-upgrades") options.allowUpgrades = false;
    else if (name === "--cors") options.cors = { ...options.cors, origin: rest.shift() };
    else if (name === "--cors-credentials") options.cors = { ...options.cors, credentials: true };
    else if (name === "--allow-eio3") options.allowEIO3 = true;
    else if (name === "--cookie") options.cookie = true;
    else if (name === "--cookie-options") options.cookie = cookie(JSON.parse(rest.shift()));
    else if (name === "--per-message-deflate") options.perMessageDeflate = JSON.parse(rest.shift());
    else if (name === "--no-compression") options.httpCompression = false;
    else if (name === "--recovery") recovery(options).maxDisconnectionDuration = Number(rest.shift());
    else if (name === "--recovery-middlewares") recovery(options).skipMiddlewares = false;
    else if (name === "--parser") options.parser = PARSERS[rest.shift()];
    else if (name === "--allow-request-refuse") {
      const text = rest.shift();
      options.allowRequest = (_, answer) => answer(text, false);
    } else if (!readHttpOption(name, rest, options, setups)) throw new Error(`unknown option ${name}`);
  }
  return { port: Number(port), options, setups, tls };
}
