# Stand-in for node:22-slim: Node.js and npm as npm packages carry them.
ARG BASE
FROM $BASE
ADD node.tar /usr/local/
RUN ln -s node /usr/local/bin/nodejs \
 && ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm \
 && ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx \
 && useradd --create-home --uid 1000 node && node --version && npm --version
CMD ["node"]
