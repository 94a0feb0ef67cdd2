# The command on Deno, without an installation: the sources are all that runs.
FROM denoland/deno:2.9.5

WORKDIR /framewire
COPY deno.json mod.ts ./
COPY codec-wasm/dist/ codec-wasm/dist/
COPY src/ src/
# Members of the workspace: Deno asks for their configuration, and for nothing else of them.
COPY examples/deno.json examples/
COPY tests/examples/deno.json tests/examples/
COPY bench/protocol/deno.json bench/protocol/

# Compiled here, so that a container that starts has nothing to load.
USER deno
RUN deno cache mod.ts

# Each option of `serve` is a variable (`serve --help`); in a container, loopback reaches nobody.
ENV FRAMEWIRE_HOSTNAME=0.0.0.0 FRAMEWIRE_PORT=8888
EXPOSE 8888
HEALTHCHECK --interval=30s --timeout=10s --start-period=5s --start-interval=1s \
  CMD deno run -A mod.ts ping "127.0.0.1:$FRAMEWIRE_PORT" --count 1 --quiet
ENTRYPOINT ["deno", "run", "-A", "mod.ts"]
CMD ["serve"]
