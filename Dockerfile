# Latchkey as a container: docker build -t latchkey .
#   docker run --rm -p 3000:3000 -v latchkey:/latchkey/data latchkey
# Any command of the command line: docker exec <container> latchkey clients list

FROM node:24-slim AS build
WORKDIR /app
# The dependencies first: they change less often than the sources. No package needs its install script here.
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY build.js tsconfig.json ./
COPY src src
COPY migrations migrations
RUN node build.js && chmod +x dist/cli.js && npm prune --omit=dev --ignore-scripts

FROM node:24-slim
COPY --from=build /app/package.json /app/
COPY --from=build /app/node_modules /app/node_modules
COPY --from=build /app/dist /app/dist
COPY --from=build /app/migrations /app/migrations
COPY views /app/views
# The working folder holds what belongs to the installation: ./data, and ./latchkey.config.json where there is one.
RUN ln -s /app/dist/cli.js /usr/local/bin/latchkey && install -d -o node -g node /latchkey /latchkey/data
WORKDIR /latchkey
USER node
ENV NODE_ENV=production LATCHKEY_HOST=0.0.0.0
VOLUME /latchkey/data
EXPOSE 3000
# The image has no curl; Node asks itself. With a port for operators, liveness is there and not on the public one.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "const e = process.env; const port = e.LATCHKEY_ADMIN_PORT || e.LATCHKEY_PORT || e.PORT || 3000; fetch('http://127.0.0.1:' + port + '/livez').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["latchkey", "serve"]
