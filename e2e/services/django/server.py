# Copyright 2026 The caddy-lockout authors
# SPDX-License-Identifier: Apache-2.0
"""A small Django project for the tests: the admin, the login of contrib.auth, and
with "otp" those of django-otp.

usage: server.py DIRECTORY PORT ACCOUNTS [WORD...]

ACCOUNTS is JSON, a list of objects with Name, Email and Secret. Words switch
settings on: otp, redirect (redirect_authenticated_user), save
(SESSION_SAVE_EVERY_REQUEST), sessions (CSRF_USE_SESSIONS); gunicorn runs it in
gunicorn. Mails go to DIRECTORY/mail; DIRECTORY/failed has a line for every wrong
password that was checked, with the name.
"""

import json
import os
import socketserver
import sys
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import django
from django.conf import settings

directory, port, accounts, words = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3]), sys.argv[4:]
otp = "otp" in words

otp_apps = ["django_otp", "django_otp.plugins.otp_totp", "django_otp.plugins.otp_static"]

settings.configure(
    SECRET_KEY="a secret of the tests",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
        "django.contrib.staticfiles",
    ]
    + (otp_apps if otp else []),
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.locale.LocaleMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ]
    + (["django_otp.middleware.OTPMiddleware"] if otp else [])
    + ["django.contrib.messages.middleware.MessageMiddleware"],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "DIRS": [os.path.join(os.path.dirname(os.path.abspath(__file__)), "templates")],
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.path.join(directory, "db.sqlite3"),
            "OPTIONS": {"timeout": 60},
        }
    },
    PASSWORD_HASHERS=[__name__ + ".FewRounds"],
    EMAIL_BACKEND="django.core.mail.backends.filebased.EmailBackend",
    EMAIL_FILE_PATH=os.path.join(directory, "mail"),
    LANGUAGE_CODE="en-us",
    LOGIN_REDIRECT_URL="/",
    STATIC_URL="/static/",
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    USE_I18N=True,
    USE_TZ=True,
    OTP_TOTP_THROTTLE_FACTOR=0,  # else right codes are refused for a while, too
    OTP_STATIC_THROTTLE_FACTOR=0,
    SESSION_SAVE_EVERY_REQUEST="save" in words,
    CSRF_USE_SESSIONS="sessions" in words,
)
django.setup()

from django.contrib import admin  # noqa: E402
from django.contrib.auth import get_user_model, views  # noqa: E402
from django.contrib.auth.hashers import PBKDF2PasswordHasher  # noqa: E402
from django.contrib.auth.signals import user_login_failed  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.urls import include, path  # noqa: E402


class FewRounds(PBKDF2PasswordHasher):
    """PBKDF2 as Django has it, with fewer rounds, for a busy machine."""

    iterations = 1000


def note(credentials, **kwargs):
    with open(os.path.join(directory, "failed"), "a") as out:
        out.write(credentials["username"] + "\n")


user_login_failed.connect(note)


def home(request):
    return HttpResponse("home of " + (request.user.get_username() or "nobody"), content_type="text/plain")


site = admin.site
login = views.LoginView.as_view(redirect_authenticated_user="redirect" in words)
if otp:
    from django_otp.admin import OTPAdminSite
    from django_otp.views import LoginView

    site = OTPAdminSite(OTPAdminSite.name)
    site._registry.update(admin.site._registry)
    login = LoginView.as_view()

urlpatterns = [
    path("admin/", site.urls),
    path("plain/", views.LoginView.as_view()),
    path("accounts/login/", login),
    path("accounts/", include("django.contrib.auth.urls")),
    path("", home),
]


def fill():
    """Make the tables and the accounts. Everybody may use the admin but norma; ian
    is not active."""
    call_command("migrate", verbosity=0, interactive=False)
    users = get_user_model()
    secrets = {}
    for a in accounts:
        user = users.objects.create_user(a["Name"], a["Email"], a["Secret"])
        user.is_staff = user.is_superuser = a["Name"] != "norma"
        user.is_active = a["Name"] != "ian"
        user.save()
        if otp:
            secrets[a["Name"]] = devices(user)
    with open(os.path.join(directory, "secrets.json"), "w") as out:
        json.dump(secrets, out)


def devices(user):
    """Give a user an app that makes codes, and some codes on paper."""
    from django_otp.plugins.otp_static.models import StaticDevice
    from django_otp.plugins.otp_totp.models import TOTPDevice

    app = TOTPDevice.objects.create(user=user, name="app")
    paper = StaticDevice.objects.create(user=user, name="paper")
    codes = ["%02d%s" % (i, user.get_username()) for i in range(50)]
    for code in codes:
        paper.token_set.create(token=code[:16])
    return {"totp": app.key, "device": app.persistent_id, "static": [c[:16] for c in codes]}


class Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 128


class Quiet(WSGIRequestHandler):
    def log_message(self, *args):
        pass


def run_in_gunicorn(application):
    from gunicorn.app.base import BaseApplication

    class Gunicorn(BaseApplication):
        def load_config(self):
            self.cfg.set("bind", "127.0.0.1:%d" % port)
            self.cfg.set("worker_class", "gthread")
            self.cfg.set("threads", 16)

        def load(self):
            return application

    Gunicorn().run()


def main():
    fill()
    if "gunicorn" in words:
        run_in_gunicorn(get_wsgi_application())
    server = Server(("127.0.0.1", port), Quiet)
    server.set_app(get_wsgi_application())
    server.serve_forever()


if __name__ == "__main__":
    main()
