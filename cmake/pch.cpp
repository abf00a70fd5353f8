// Carrier of the shared precompiled header (cmake/pch.h).
