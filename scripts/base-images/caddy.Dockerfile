# Stand-in for caddy:2: Debian's Caddy, started and kept as in the official image, and as small: every test of Azure
# pushes it. Beside it is no more than it is linked to, a shell and the certificate authorities.
ARG BASE
FROM $BASE AS debian
RUN apt-get update && apt-get install -y --no-install-recommends caddy busybox-static
WORKDIR /small
RUN mkdir -p bin srv usr/bin etc/ssl/certs config/caddy data/caddy && install -d -m 1777 tmp \
 && cp /bin/busybox bin/ && ln -s busybox bin/sh && ln -s busybox bin/printf \
 && cp /usr/bin/caddy usr/bin/ && cp /etc/ssl/certs/ca-certificates.crt etc/ssl/certs/ \
 && cp --parents --dereference $(ldd /usr/bin/caddy | grep -o '/[^ ]*') . \
 && chroot . caddy version

FROM scratch
COPY --from=debian /small/ /
ENV PATH=/usr/bin:/bin XDG_CONFIG_HOME=/config XDG_DATA_HOME=/data
WORKDIR /srv
EXPOSE 80 443 443/udp 2019
CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]
