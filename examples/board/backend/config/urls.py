"""The URLs Django answers. Pages are not among them: Render makes those from the routes in board/routes.py."""

from django.urls import include, path

from board import sign_in

urlpatterns = [
    path("api/mizan/", include("mizan_django.urls")),
    path("api/auth/session/", sign_in.session),
    path("api/auth/token/", sign_in.token),
]
