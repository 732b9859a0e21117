"""The paths below /api/mizan/."""

from django.urls import path

from . import views

urlpatterns = [
    path("ctx/<slug:name>/", views.context),
    path("call/", views.call),
    path("csrf/", views.csrf),
    path("schema/", views.schema),
]
