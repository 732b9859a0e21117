# Stand-in for ghcr.io/astral-sh/uv: the two binaries of uv's wheel, for COPY --from.
FROM scratch
ADD uv.tar /
ENTRYPOINT ["/uv"]
