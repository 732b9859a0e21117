"""Keeps caches away from what Django answers by itself: redirects, refused hosts, pages that were not found."""

from django.utils.deprecation import MiddlewareMixin


class NoStoreByDefault(MiddlewareMixin):
    def process_response(self, request, response):
        response.headers.setdefault("Cache-Control", "no-store")
        return response
