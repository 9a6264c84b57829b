# How every target of the project is built: language level, warnings, sanitizers,
# and one function per kind of folder (library, service, program, test program).

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

option(DOORBUSTER_WERROR "Treat warnings as errors" ON)
option(DOORBUSTER_SHOP_ONLY "Only the rooms and doorbuster: no tests, nothing that makes load" OFF)
set(DOORBUSTER_SANITIZE "" CACHE STRING "Sanitizers, for example address,undefined or thread")

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

add_library(doorbuster_flags INTERFACE)
target_compile_options(doorbuster_flags INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor -Woverloaded-virtual)
if(DOORBUSTER_WERROR)
  target_compile_options(doorbuster_flags INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False positives of GCC 12 to 14 inside coroutine frames and std::string at -O2.
  target_compile_options(doorbuster_flags INTERFACE
    -Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread
    -Wno-array-bounds -Wno-dangling-pointer -Wno-dangling-reference)
  # Another one, of optimised builds: it pairs a coroutine frame's operator delete, inlined from
  # Asio, with the global operator new.
  target_compile_options(doorbuster_flags INTERFACE
    $<$<CONFIG:Release>:-Wno-mismatched-new-delete>)
endif()
if(DOORBUSTER_SANITIZE)
  # GCC's sanitizers and symmetric transfer of coroutines need tail calls, so -O1 and
  # -foptimize-sibling-calls stay on.
  target_compile_options(doorbuster_flags INTERFACE
    -fsanitize=${DOORBUSTER_SANITIZE} -fno-omit-frame-pointer -foptimize-sibling-calls
    -fno-sanitize-recover=all -Wno-mismatched-new-delete)
  target_link_options(doorbuster_flags INTERFACE -fsanitize=${DOORBUSTER_SANITIZE})
  if(DOORBUSTER_SANITIZE MATCHES "thread")
    # GCC refuses Asio's fences around handlers, which ThreadSanitizer doesn't understand; the
    # scheduler's own mutex orders the handlers as well, and that it does see.
    target_compile_definitions(doorbuster_flags INTERFACE BOOST_ASIO_DISABLE_FENCED_BLOCK)
  endif()
endif()
target_compile_definitions(doorbuster_flags INTERFACE
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_COROUTINE)

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json url)
find_package(OpenSSL 3.0 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(Python3 3.9 REQUIRED COMPONENTS Interpreter)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(prometheus-cpp REQUIRED COMPONENTS core)
if(NOT DOORBUSTER_SHOP_ONLY)
  find_package(GTest REQUIRED)
endif()
pkg_check_modules(libpq REQUIRED IMPORTED_TARGET libpq)
pkg_check_modules(hiredis REQUIRED IMPORTED_TARGET hiredis)
pkg_check_modules(sodium REQUIRED IMPORTED_TARGET libsodium)
target_link_libraries(doorbuster_flags INTERFACE Threads::Threads Boost::headers)

# The sources of a folder are the files in it: a file nobody builds can't exist.
function(doorbuster_sources out_code out_tests)
  file(GLOB_RECURSE code CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  set(tests ${code})
  list(FILTER tests INCLUDE REGEX "\\.test\\.cpp$")
  list(FILTER code EXCLUDE REGEX "\\.(test|bench)\\.cpp$")
  set(${out_code} ${code} PARENT_SCOPE)
  set(${out_tests} ${tests} PARENT_SCOPE)
endfunction()

function(doorbuster_unit_tests name)
  cmake_parse_arguments(arg "" "" "DEPENDS;SOURCES" ${ARGN})
  if(arg_SOURCES AND NOT DOORBUSTER_SHOP_ONLY)
    add_executable(${name}_test ${arg_SOURCES})
    target_link_libraries(${name}_test PRIVATE ${arg_DEPENDS} GTest::gtest_main GTest::gmock)
    add_test(NAME ${name} COMMAND ${name}_test)
    set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 300)
  endif()
endfunction()

# doorbuster_library(net DEPENDS base): libs/<name>, one folder = one target = one namespace.
# TEST_DEPENDS: what only its *.test.cpp link (for example testing).
function(doorbuster_library name)
  cmake_parse_arguments(arg "" "" "DEPENDS;TEST_DEPENDS" ${ARGN})
  doorbuster_sources(code tests)
  if(code)
    add_library(${name} STATIC ${code})
    target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR}/libs)
    target_link_libraries(${name} PUBLIC doorbuster_flags ${arg_DEPENDS})
  else()
    add_library(${name} INTERFACE)
    target_include_directories(${name} INTERFACE ${PROJECT_SOURCE_DIR}/libs)
    target_link_libraries(${name} INTERFACE doorbuster_flags ${arg_DEPENDS})
  endif()
  doorbuster_unit_tests(${name} SOURCES ${tests} DEPENDS ${name} ${arg_TEST_DEPENDS})
endfunction()

# doorbuster_service(order DEPENDS http postgres): services/<name>; the room's code is a library
# (order_room) so that its tests link it too, main.cpp alone makes the program.
function(doorbuster_service name)
  cmake_parse_arguments(arg "" "" "DEPENDS;TEST_DEPENDS" ${ARGN})
  doorbuster_sources(code tests)
  list(FILTER code EXCLUDE REGEX "/main\\.cpp$")
  if(NOT code)
    return()
  endif()
  add_library(${name}_room STATIC ${code})
  target_include_directories(${name}_room PUBLIC ${PROJECT_SOURCE_DIR}/services)
  target_link_libraries(${name}_room PUBLIC doorbuster_flags service ${arg_DEPENDS})
  if(NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/main.cpp)
    return()
  endif()
  add_executable(${name} main.cpp)
  target_link_libraries(${name} PRIVATE ${name}_room)
  doorbuster_unit_tests(${name}_room SOURCES ${tests} DEPENDS ${name}_room ${arg_TEST_DEPENDS})
endfunction()

# doorbuster_program(crowd DEPENDS http): a command-line program with its tests beside the code.
function(doorbuster_program name)
  cmake_parse_arguments(arg "" "" "DEPENDS;TEST_DEPENDS" ${ARGN})
  doorbuster_sources(code tests)
  list(FILTER code EXCLUDE REGEX "/main\\.cpp$")
  if(NOT code)
    return()
  endif()
  add_library(${name}_code STATIC ${code})
  target_include_directories(${name}_code PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/..)
  target_link_libraries(${name}_code PUBLIC doorbuster_flags CLI11::CLI11 ${arg_DEPENDS})
  if(NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/main.cpp)
    return()
  endif()
  add_executable(${name} main.cpp)
  target_link_libraries(${name} PRIVATE ${name}_code)
  doorbuster_unit_tests(${name}_code SOURCES ${tests} DEPENDS ${name}_code ${arg_TEST_DEPENDS})
endfunction()
