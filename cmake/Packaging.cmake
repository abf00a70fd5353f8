# `cpack` in a build folder makes espalier_VERSION_amd64.deb: the tools, the
# runtime, headers, the CMake package, pkg-config, manual pages, completion, and
# the small model that `espalier-demo` falls back on.
include(GNUInstallDirs)
install(PROGRAMS ${PROJECT_SOURCE_DIR}/tools/espalier-demo DESTINATION ${CMAKE_INSTALL_BINDIR})
install(PROGRAMS ${PROJECT_SOURCE_DIR}/tools/fetch-model
  DESTINATION ${CMAKE_INSTALL_DATADIR}/espalier)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/tools/models/stories-5.5m
  DESTINATION ${CMAKE_INSTALL_DATADIR}/espalier/models)
install(FILES ${PROJECT_SOURCE_DIR}/docs/man/espalier-demo.1
  DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)

# Guides, licence, and what Debian asks of a package.
set(doc ${CMAKE_INSTALL_DATADIR}/doc/espalier)
install(FILES ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/LICENSE
  ${PROJECT_SOURCE_DIR}/tools/package/copyright DESTINATION ${doc})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs/ DESTINATION ${doc}/docs
  FILES_MATCHING PATTERN *.md PATTERN *.svg PATTERN *.c PATTERN *.cpp PATTERN man EXCLUDE)
find_program(ESPALIER_GZIP NAMES gzip)
if(ESPALIER_GZIP)
  execute_process(COMMAND ${ESPALIER_GZIP} -9nc ${PROJECT_SOURCE_DIR}/tools/package/changelog
    OUTPUT_FILE ${CMAKE_CURRENT_BINARY_DIR}/changelog.gz COMMAND_ERROR_IS_FATAL ANY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/changelog.gz DESTINATION ${doc})
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME espalier)
set(CPACK_PACKAGE_CONTACT "The Espalier authors <espalier@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "ahead-of-time compiler for transformer models")
set(CPACK_PACKAGE_DESCRIPTION
  "Compiles a Hugging Face folder or a GGUF file to a native program or library for that one model, with its weights packed in the order in which the code reads them.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
# Libraries that the tools are linked with; and what `espalier compile` links
# programs with: start files and the C library's and GCC's archives.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "libc6-dev, libgcc-12-dev | libgcc-dev")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "python3-pip, ca-certificates")
set(CPACK_STRIP_FILES ON)
include(CPack)
