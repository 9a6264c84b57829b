#include "echo/app.hpp"
#include "service/run.hpp"

int main(int argc, char** argv) {
    return service::run(
        argc,
        argv,
        "echo",
        echo::App::make,
        "It answers each request with what arrived: for diagnosing the path to the shop."
    );
}
