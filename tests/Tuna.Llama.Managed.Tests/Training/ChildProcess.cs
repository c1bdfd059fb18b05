namespace Tuna.Llama.Managed.Tests.Training;

/// <summary>The entry point when a test runs this assembly as a process of its own: trains, or resumes, in the folder given, or computes
/// with the instruction sets that are left.</summary>
internal static class ChildProcess
{
    public static void Main(string[] args)
    {
        // Test runners load the assembly and never come here.
        if (args is [InstructionSetProgram.Argument])
            InstructionSetProgram.Run();
        else if (args.Length == 1)
            TinyRun.Train(args[0]);
    }
}
