"""`python -m bench`, from the root of the repository."""

from bench.run import main

if __name__ == "__main__":
    main()
