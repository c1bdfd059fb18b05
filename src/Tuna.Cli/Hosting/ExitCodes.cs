namespace Tuna.Cli.Hosting;

/// <summary>What the process returns; the same numbers stand in <c>--help</c>.</summary>
internal static class ExitCodes
{
    /// <summary>Done.</summary>
    public const int Ok = 0;

    /// <summary>A file, a row or a setting cannot be used.</summary>
    public const int BadInput = 1;

    /// <summary>The command line cannot be understood.</summary>
    public const int Usage = 2;

    /// <summary>Finished, but some rows could not be done; a file beside the output names them.</summary>
    public const int Partial = 3;

    /// <summary>The budget is spent; what was paid for is kept.</summary>
    public const int Budget = 4;

    /// <summary>A service that the command needs cannot be used (no key, wrong model, no quota, down).</summary>
    public const int Service = 5;

    /// <summary>A defect of this program.</summary>
    public const int Defect = 70;

    /// <summary>Stopped by Ctrl+C (128 + SIGINT).</summary>
    public const int Cancelled = 130;

    /// <summary>Stopped by SIGTERM (128 + 15).</summary>
    public const int Terminated = 143;

    public const string Help = """
        Exit codes:
          0    done
          1    bad input: a file, a row or a setting cannot be used; the message names the place
          2    usage: the command line cannot be understood
          3    finished, but some rows could not be done; a file beside the output names them
          4    the budget is spent; everything paid for is kept
          5    a service cannot be used (no key, unknown model, no quota, down)
          70   a defect of this program
          130  stopped by Ctrl+C, 143 by SIGTERM; run the same command again to go on
        """;
}
