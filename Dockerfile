# docker build -t qstash-sync . && docker run --rm -e QSTASH_TOKEN -v "$PWD:/work:ro" qstash-sync plan
FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY qstash_sync ./qstash_sync
RUN python -m venv /opt/qstash-sync \
    && /opt/qstash-sync/bin/pip install --no-cache-dir --disable-pip-version-check -c constraints.txt .

FROM python:3.13-slim
COPY --from=build /opt/qstash-sync /opt/qstash-sync
RUN useradd --create-home --uid 10001 qstash
USER 10001
WORKDIR /work
ENTRYPOINT ["/opt/qstash-sync/bin/qstash-sync"]
CMD ["--help"]
